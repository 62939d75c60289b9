import { createTheme, Tooltip, type MantineColorsTuple } from "@mantine/core";

const teal: MantineColorsTuple = [
  "#e8f6f5",
  "#cfeae7",
  "#a1d6d1",
  "#6fc2bb",
  "#43b2a8",
  "#2fb3a6",
  "#179c90",
  "#0e8379",
  "#0b7168",
  "#075a53",
];

const CLOSE = { "aria-label": "Close" };

/** What Mantine's components look like here; everything else takes its colours from tokens.css. */
export const theme = createTheme({
  primaryColor: "teal",
  primaryShade: { light: 8, dark: 8 },
  colors: { teal },
  defaultRadius: 6,
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "18px" },
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 250, transitionProps: { duration: 100 }, multiline: true } }),
    Modal: { defaultProps: { transitionProps: { duration: 120 }, centered: true, closeButtonProps: CLOSE } },
    Drawer: { defaultProps: { transitionProps: { duration: 120 }, closeButtonProps: CLOSE } },
    Menu: { defaultProps: { transitionProps: { duration: 100 } } },
  },
});
