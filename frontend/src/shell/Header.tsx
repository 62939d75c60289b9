import { ActionIcon, Button, Kbd, Menu, Select } from "@mantine/core";
import { spotlight } from "@mantine/spotlight";
import { IconChevronDown, IconMenu2, IconSearch } from "@tabler/icons-react";

import { useEnvironment } from "@/api/queries";
import { LOCAL_ZONE, RANGES, usePage } from "@/app/page";

import { LiveIndicator } from "./LiveIndicator";
import classes from "./Header.module.css";

interface HeaderProps {
  pipeline: string;
  pipelines: string[];
  onMenu: () => void;
}

export function Header({ pipeline, pipelines, onMenu }: HeaderProps) {
  const environment = useEnvironment().data?.name;
  const { change } = usePage();
  return (
    <header className={classes.header}>
      <ActionIcon
        className={classes.menu}
        variant="subtle"
        color="gray"
        size={32}
        onClick={onMenu}
        aria-label="Open navigation"
      >
        <IconMenu2 size={20} aria-hidden />
      </ActionIcon>
      <h1 className={classes.title}>
        {pipelines.length > 1 ? (
          <Select
            data={pipelines}
            value={pipeline}
            onChange={(name) => change({ pipeline: name })}
            allowDeselect={false}
            variant="unstyled"
            aria-label="Pipeline"
          />
        ) : (
          pipeline
        )}
      </h1>
      {environment !== undefined && <span className={classes.badge}>{environment}</span>}
      <div className={classes.controls}>
        <RangeMenu />
        <ZoneMenu />
        <LiveIndicator />
        <Button
          className={classes.search}
          variant="default"
          size="compact-md"
          onClick={spotlight.open}
          leftSection={<IconSearch size={14} aria-hidden />}
          aria-label="Ctrl K: find a page or an action"
        >
          <Kbd size="xs">Ctrl K</Kbd>
        </Button>
      </div>
    </header>
  );
}

function RangeMenu() {
  const { range, change } = usePage();
  return (
    <Choice
      label="Time range"
      shown={<span className={classes.shown}>{range.label}</span>}
      items={RANGES.map(({ key, label }) => ({ value: key, label }))}
      chosen={range.key}
      onChoose={(key) => change({ range: key })}
    />
  );
}

function ZoneMenu() {
  const { zone, change } = usePage();
  const zones = [...new Set(["UTC", LOCAL_ZONE, zone])];
  return (
    <Choice
      label="Time zone"
      shown={zone}
      items={zones.map((value) => ({ value, label: value === LOCAL_ZONE ? `${value} (this browser)` : value }))}
      chosen={zone}
      onChoose={(value) => change({ tz: value })}
    />
  );
}

interface ChoiceProps {
  label: string;
  shown: React.ReactNode;
  items: { value: string; label: string }[];
  chosen: string;
  onChoose: (value: string) => void;
}

function Choice({ label, shown, items, chosen, onChoose }: ChoiceProps) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="default"
          size="compact-md"
          rightSection={<IconChevronDown size={14} aria-hidden />}
          aria-label={`${label}: ${items.find(({ value }) => value === chosen)?.label ?? chosen}`}
        >
          {shown}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {items.map(({ value, label: word }) => (
          <Menu.Item key={value} onClick={() => onChoose(value)} fw={value === chosen ? 600 : undefined}>
            {word}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
