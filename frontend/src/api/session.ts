import { useQuery } from "@tanstack/react-query";

import { sessionQuery } from "./queries";
import type { Role, User } from "./types";

export interface Rights {
  user: User | null;
  isAdministrator: boolean;
  /** Why this person may not start, stop or configure; null when they may. */
  operatingBarred: string | null;
}

const OPERATING: ReadonlySet<Role> = new Set(["operator", "administrator"]);

export function useRole(): Rights {
  const user = useQuery(sessionQuery()).data?.user ?? null;
  const may = user !== null && OPERATING.has(user.role);
  return {
    user,
    isAdministrator: user?.role === "administrator",
    operatingBarred: may
      ? null
      : `Only operators and administrators may do this; you are ${user?.role ?? "signed out"}.`,
  };
}
