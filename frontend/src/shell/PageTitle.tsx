import { useDocumentTitle } from "@mantine/hooks";
import { useLocation } from "react-router";

import { useLive } from "@/live/context";

import { PAGES } from "./navigation";
import { titleOf } from "./title";

/** Names the window after the page that the address leads to. */
export function PageTitle({ pipeline }: { pipeline: string }) {
  const { pathname } = useLocation();
  const { state } = useLive();
  const page = PAGES.find(({ to }) => to === pathname)?.label ?? "No such page";
  useDocumentTitle(titleOf(page, pipeline, state));
  return null;
}
