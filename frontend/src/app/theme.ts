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

/** Mantine's dark greys, from text to what lies lowest, as tokens.css has them. */
const dark: MantineColorsTuple = [
  "#e2e9eb",
  "#c3ccd0",
  "#a3b0b5",
  "#7d8b91",
  "#3a474c",
  "#263034",
  "#1c2427",
  "#161c1f",
  "#0e1315",
  "#0a0e10",
];

const CLOSE = { "aria-label": "Close" };
const OVERLAY = { backgroundOpacity: 0.4 };

/** What Mantine's components look like here; everything else takes its colours from tokens.css. */
export const theme = createTheme({
  primaryColor: "teal",
  primaryShade: { light: 8, dark: 8 },
  colors: { teal, dark },
  defaultRadius: 6,
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "18px" },
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 250, transitionProps: { duration: 100 }, multiline: true } }),
    Modal: {
      defaultProps: {
        transitionProps: { duration: 120 },
        centered: true,
        closeButtonProps: CLOSE,
        overlayProps: OVERLAY,
      },
    },
    Drawer: { defaultProps: { transitionProps: { duration: 120 }, closeButtonProps: CLOSE, overlayProps: OVERLAY } },
    Menu: { defaultProps: { transitionProps: { duration: 100 } } },
  },
});
