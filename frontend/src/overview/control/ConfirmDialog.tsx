import { Button, Group, Modal, Textarea } from "@mantine/core";
import { useState, type ReactNode, type SyntheticEvent } from "react";

import { ProblemNotice } from "@/components/Notice";

interface ConfirmDialogProps {
  title: string;
  /** What it will do and touch. */
  children: ReactNode;
  confirm: string;
  isPending: boolean;
  error: Error | null;
  onConfirm: (reason: string) => void;
  onClose: () => void;
}

/** Asks once more, and for the reason that the audit log keeps. */
export function ConfirmDialog({ title, children, confirm, isPending, error, onConfirm, onClose }: ConfirmDialogProps) {
  const [reason, setReason] = useState("");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (reason.trim()) onConfirm(reason.trim());
  };
  return (
    <Modal opened onClose={onClose} title={title}>
      <form onSubmit={submit}>
        <p>{children}</p>
        <Textarea
          label="Reason"
          description="Goes to the audit log, with your name."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          maxLength={500}
          autosize
          minRows={2}
          required
          data-autofocus
          my="md"
        />
        {error && <ProblemNotice error={error} />}
        <Group justify="flex-end" gap="xs" mt="md">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isPending} disabled={!reason.trim()}>
            {confirm}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
