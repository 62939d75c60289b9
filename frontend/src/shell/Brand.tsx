import classes from "./Brand.module.css";

export function Brand() {
  return (
    <span className={classes.brand}>
      <svg width="18" height="18" viewBox="0 0 16 16" aria-hidden>
        <rect width="16" height="16" rx="3.5" className={classes.mark} />
        <path d="M4 5.2h4.6c1.6 0 2.4.8 2.4 2.3V11" className={classes.pipe} />
      </svg>
      Penstock
    </span>
  );
}
