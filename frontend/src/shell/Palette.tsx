import { useMantineColorScheme } from "@mantine/core";
import { Spotlight, type SpotlightActionData } from "@mantine/spotlight";
import {
  IconClock,
  IconKeyboard,
  IconLogout,
  IconMoon,
  IconPlayerPause,
  IconPlayerPlay,
  IconSearch,
  IconSun,
} from "@tabler/icons-react";
import { useLocation, useNavigate } from "react-router";

import { useLogout } from "@/api/mutations";
import { useRole } from "@/api/session";
import { RANGES, usePage } from "@/app/page";
import { useLive } from "@/live/context";

import { keysHelp } from "./keysHelp";
import { OUTSIDE, PAGES } from "./navigation";

const ICON = { size: 17, stroke: 1.7, "aria-hidden": true } as const;

/** Everything that can be gone to or done from anywhere, by its name. */
export function Palette() {
  const navigate = useNavigate();
  const { search } = useLocation();
  const { change } = usePage();
  const { state, toggle } = useLive();
  const { isAdministrator } = useRole();
  const { setColorScheme } = useMantineColorScheme();
  const logout = useLogout();

  const places: SpotlightActionData[] = [
    ...PAGES.map(({ label, to, icon: Icon, description }) => ({
      id: to,
      label,
      description,
      leftSection: <Icon {...ICON} />,
      onClick: () => void navigate({ pathname: to, search }),
    })),
    ...OUTSIDE.filter(({ staffOnly }) => isAdministrator || !staffOnly).map(
      ({ label, href, icon: Icon, description }) => ({
        id: href,
        label,
        description,
        leftSection: <Icon {...ICON} />,
        onClick: () => location.assign(href),
      }),
    ),
  ];
  const ranges = RANGES.map(({ key, label }) => ({
    id: `range ${key}`,
    label,
    keywords: ["range", "time"],
    leftSection: <IconClock {...ICON} />,
    onClick: () => change({ range: key }),
  }));
  const paused = state === "paused";
  const actions: SpotlightActionData[] = [
    {
      id: "pause",
      label: paused ? "Go on live" : "Pause live",
      leftSection: paused ? <IconPlayerPlay {...ICON} /> : <IconPlayerPause {...ICON} />,
      onClick: toggle,
    },
    {
      id: "light",
      label: "Light appearance",
      leftSection: <IconSun {...ICON} />,
      onClick: () => setColorScheme("light"),
    },
    {
      id: "dark",
      label: "Dark appearance",
      leftSection: <IconMoon {...ICON} />,
      onClick: () => setColorScheme("dark"),
    },
    { id: "keys", label: "Keys", leftSection: <IconKeyboard {...ICON} />, onClick: keysHelp.open },
    { id: "logout", label: "Sign out", leftSection: <IconLogout {...ICON} />, onClick: () => logout.mutate() },
  ];
  return (
    <Spotlight
      actions={[
        { group: "Go to", actions: places },
        { group: "Time range", actions: ranges },
        { group: "Actions", actions },
      ]}
      shortcut={["mod + K", "/"]}
      nothingFound="Nothing of that name"
      highlightQuery
      scrollable
      maxHeight={420}
      searchProps={{
        leftSection: <IconSearch {...ICON} />,
        placeholder: "Find a page or an action",
        "aria-label": "Find",
      }}
      transitionProps={{ duration: 100 }}
      overlayProps={{ backgroundOpacity: 0.4, blur: 0 }}
      attributes={{ content: { "aria-label": "Palette" } }}
    />
  );
}
