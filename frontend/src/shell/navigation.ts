import { IconApi, IconLayoutDashboard, IconSettings, type Icon } from "@tabler/icons-react";

interface Place {
  label: string;
  icon: Icon;
  description: string;
  /** `g`, then this letter. */
  key: string;
}

/** Pages of the console. */
export const PAGES: (Place & { to: string })[] = [
  {
    label: "Overview",
    to: "/",
    icon: IconLayoutDashboard,
    key: "o",
    description: "Is anything wrong, where, since when",
  },
];

/** What the control plane serves beside the console. */
export const OUTSIDE: (Place & { href: string; staffOnly: boolean })[] = [
  {
    label: "Admin",
    href: "/admin/",
    icon: IconSettings,
    key: "a",
    description: "People, roles and every stored row",
    staffOnly: true,
  },
  {
    label: "API",
    href: "/api/v1/docs",
    icon: IconApi,
    key: "d",
    description: "Reference of every call",
    staffOnly: false,
  },
];
