import { Button, Checkbox, Group, Textarea, TextInput } from "@mantine/core";
import { useState, type SyntheticEvent } from "react";

import { ProblemNotice } from "@/components/Notice";

export interface ReasonFormProps {
  confirm: string;
  /** It ends or undoes something. */
  danger?: boolean;
  /** What has to be typed, for what should not happen by a slip. */
  typed?: string;
  /** What has to be accepted, where it is not safe. */
  accept?: string;
  isPending: boolean;
  error: Error | null;
  onConfirm: (reason: string) => void;
  onClose: () => void;
}

/** Asks once more, and for the reason that the audit log keeps. */
export function ReasonForm({ confirm, danger, typed, accept, isPending, error, onConfirm, onClose }: ReasonFormProps) {
  const [reason, setReason] = useState("");
  const [name, setName] = useState("");
  const [accepted, setAccepted] = useState(false);
  const isReady = reason.trim() !== "" && (typed === undefined || name === typed) && (accept === undefined || accepted);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (isReady) onConfirm(reason.trim());
  };
  return (
    <form onSubmit={submit}>
      <Textarea
        label="Reason"
        description="Goes to the audit log, with your name."
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        maxLength={500}
        rows={3}
        resize="vertical"
        required
        data-autofocus
        my="md"
      />
      {typed !== undefined && (
        <TextInput
          label={`To confirm, type ${typed}`}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          autoComplete="off"
          required
          mb="md"
        />
      )}
      {accept !== undefined && (
        <Checkbox
          label={accept}
          checked={accepted}
          onChange={(event) => setAccepted(event.currentTarget.checked)}
          mb="md"
        />
      )}
      {error && <ProblemNotice error={error} />}
      <Group justify="flex-end" gap="xs" mt="md">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={isPending} disabled={!isReady} color={danger ? "red" : undefined}>
          {confirm}
        </Button>
      </Group>
    </form>
  );
}
