import { Modal } from "@mantine/core";
import type { ReactNode, RefObject } from "react";

interface DialogProps {
  opened: boolean;
  title: string;
  onClose: () => void;
  /** What gets the focus back: what opened it may have been an item of a menu that is gone by then. */
  returnTo: RefObject<HTMLElement | null>;
  children: ReactNode;
}

/** A dialog over the page. What is in it begins anew each time that it is opened. */
export function Dialog({ opened, title, onClose, returnTo, children }: DialogProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      returnFocus={false}
      onExitTransitionEnd={() => returnTo.current?.focus()}
    >
      {children}
    </Modal>
  );
}
