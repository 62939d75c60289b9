import { Menu, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import {
  IconCheck,
  IconDeviceDesktop,
  IconKeyboard,
  IconLogout,
  IconMoon,
  IconSelector,
  IconSun,
  IconUser,
} from "@tabler/icons-react";

import { useLogout } from "@/api/mutations";
import { useRole } from "@/api/session";

import { keysHelp } from "./keysHelp";
import classes from "./Account.module.css";

const SCHEMES = [
  { value: "auto", label: "As the system", icon: IconDeviceDesktop },
  { value: "light", label: "Light", icon: IconSun },
  { value: "dark", label: "Dark", icon: IconMoon },
] as const;

/** Who is signed in, as what, and what is theirs alone: look, keys, signing out. */
export function Account() {
  const { user } = useRole();
  const logout = useLogout();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  if (!user) return null;
  return (
    <Menu position="top-start" width={200} withinPortal>
      <Menu.Target>
        <UnstyledButton className={classes.account}>
          <span className={classes.face}>
            <IconUser size={15} aria-hidden />
          </span>
          <span className={classes.words}>
            <span className={classes.name}>{user.username}</span> <span className={classes.role}>{user.role}</span>
          </span>
          <IconSelector size={15} className={classes.more} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Appearance</Menu.Label>
        {SCHEMES.map(({ value, label, icon: Icon }) => (
          <Menu.Item
            key={value}
            leftSection={<Icon size={15} aria-hidden />}
            rightSection={colorScheme === value && <IconCheck size={14} aria-label="chosen" />}
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={15} aria-hidden />} onClick={keysHelp.open}>
          Keys
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={15} aria-hidden />} onClick={() => logout.mutate()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
