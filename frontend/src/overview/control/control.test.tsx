// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { MemoryRouter } from "react-router";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { setUpClient } from "@/api/client";
import { keys } from "@/api/keys";
import type { OverviewData, Role } from "@/api/types";
import { makeQueryClient } from "@/app/queryClient";
import { standInForTheBrowser } from "@/testing/browser";
import { overview } from "@/testing/overview";

import { StreamingJobControl } from "./StreamingJobControl";

const api = (path: string) => `${location.origin}/api/v1/pipelines/plant/${path}`;
const AT = "2026-01-01T00:00:00Z";
const JOB = { desired: "running", observed: "running", version: 3, fencing_token: 7, moves: [] };
const VERSIONS = [
  { number: 3, configuration: { trigger_seconds: 4 }, sensor_types: [], created_at: AT },
  { number: 2, configuration: { trigger_seconds: 1, zscore_threshold: 2 }, sensor_types: [], created_at: AT },
  { number: 1, configuration: { trigger_seconds: 4 }, sensor_types: [], created_at: AT },
];
const SAFE = { verdict: "safe_restart", reasons: ["trigger_seconds changes from 4 to 1"], backfill_from: null };
const UNSAFE = {
  verdict: "new_checkpoint",
  reasons: ["the topic was made anew"],
  backfill_from: { "0": 1200, "1": 7 },
};

const server = setupServer();
let told: { path: string; body: unknown }[] = [];

beforeAll(() => {
  standInForTheBrowser();
  setUpClient();
  server.listen({ onUnhandledRequest: "error" });
});
beforeEach(() => {
  told = [];
  server.use(
    http.get(api("streaming-job"), () => HttpResponse.json(JOB)),
    http.get(api("versions"), () => HttpResponse.json({ results: VERSIONS, next: null, previous: null })),
    http.get(api("streaming-job/preflight"), () => HttpResponse.json(SAFE)),
    http.post(api("streaming-job/:move"), async ({ request, params }) => {
      told.push({ path: String(params.move), body: await request.json() });
      return HttpResponse.json(JOB, { status: 202 });
    }),
  );
});
afterEach(() => {
  cleanup();
  server.resetHandlers();
});
afterAll(() => server.close());

function show(change: Partial<OverviewData> = {}, role: Role = "operator") {
  const client = makeQueryClient();
  client.setQueryData(keys.session, { user: { username: "ada", role } });
  const page = (data: OverviewData) => (
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <MemoryRouter>
          <StreamingJobControl data={data} fresh />
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>
  );
  const { rerender } = render(page(overview(change)));
  return (next: Partial<OverviewData>) => rerender(page(overview(next)));
}

async function choose(item: string) {
  await userEvent.click(screen.getByRole("button", { name: "More to do with the pipeline" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: item }));
  return screen.findByRole("dialog");
}

describe("draining", () => {
  it("says that it was asked for, then what is seen, and never more", async () => {
    const publish = show();
    await userEvent.click(screen.getByRole("button", { name: "Drain…" }));
    const dialog = await screen.findByRole("dialog", { name: "Drain plant?" });
    await userEvent.type(within(dialog).getByLabelText(/Reason/), "a new disk");
    await userEvent.click(within(dialog).getByRole("button", { name: "Drain pipeline" }));
    const control = screen.getByTestId("streaming-job");
    await waitFor(() => expect(control).toHaveTextContent("asked to drain"));
    expect(control).toHaveAttribute("data-observed", "running");
    expect(told).toEqual([{ path: "drain", body: { reason: "a new disk" } }]);
    publish({ desired: "stopped", observed: "draining" });
    expect(control).toHaveTextContent("draining");
    expect(control).not.toHaveTextContent("asked to drain");
  });
});

describe("stopping at once", () => {
  it("wants the pipeline's name typed, and a reason", async () => {
    show();
    const dialog = await choose("Stop now…");
    const stop = within(dialog).getByRole("button", { name: "Stop now" });
    expect(dialog).toHaveTextContent("2,000 readings are not read yet");
    await userEvent.type(within(dialog).getByLabelText(/Reason/), "it hangs");
    expect(stop).toBeDisabled();
    await userEvent.type(within(dialog).getByLabelText(/type plant/), "plant");
    await userEvent.click(stop);
    await waitFor(() => expect(told).toEqual([{ path: "stop", body: { reason: "it hangs" } }]));
  });

  it("cannot be asked of what does not run, nor a restart, and the menu says why", async () => {
    show({ desired: "stopped", observed: "stopped" });
    await userEvent.click(screen.getByRole("button", { name: "More to do with the pipeline" }));
    expect(await screen.findByRole("menuitem", { name: /Stop now….*It does not run/ })).toBeDisabled();
    expect(screen.getByRole("menuitem", { name: /Restart….*start it/ })).toBeDisabled();
    expect(screen.getByRole("menuitem", { name: "Roll back…" })).toBeEnabled();
  });
});

describe("rolling back", () => {
  it("shows what each version would change and what the checkpoint says before it asks for anything", async () => {
    let asked = "";
    server.use(
      http.get(api("streaming-job/preflight"), ({ request }) => {
        asked = new URL(request.url).search;
        return HttpResponse.json(SAFE);
      }),
    );
    show();
    const dialog = await choose("Roll back…");
    const older = await within(dialog).findByRole("radio", { name: /Version 2/ });
    expect(dialog).toHaveTextContent("trigger_seconds 4 → 1, zscore_threshold default → 2");
    expect(dialog).toHaveTextContent("The same configuration as the running one.");
    expect(within(dialog).queryByRole("radio", { name: /Version 3/ })).not.toBeInTheDocument();
    expect(within(dialog).queryByLabelText(/Reason/)).not.toBeInTheDocument();
    await userEvent.click(older);
    expect(await within(dialog).findByTestId("preflight")).toHaveTextContent(/Safe.*trigger_seconds changes/);
    expect(asked).toBe("?version=2");
    expect(within(dialog).queryByRole("checkbox")).not.toBeInTheDocument();
    await userEvent.type(within(dialog).getByLabelText(/Reason/), "too slow");
    await userEvent.click(within(dialog).getByRole("button", { name: "Roll back to version 2" }));
    const body = { reason: "too slow", accept: false, version: 2 };
    await waitFor(() => expect(told).toEqual([{ path: "rollback", body }]));
  });

  it("that is not safe has to be accepted", async () => {
    server.use(http.get(api("streaming-job/preflight"), () => HttpResponse.json(UNSAFE)));
    show();
    const dialog = await choose("Roll back…");
    await userEvent.click(await within(dialog).findByRole("radio", { name: /Version 1/ }));
    const verdict = await within(dialog).findByTestId("preflight");
    expect(verdict).toHaveTextContent(/Not safe.*made anew.*partition 0: offset 1,200, partition 1: offset 7/);
    const confirm = within(dialog).getByRole("button", { name: "Roll back to version 1" });
    await userEvent.type(within(dialog).getByLabelText(/Reason/), "the topic is new");
    expect(confirm).toBeDisabled();
    await userEvent.click(within(dialog).getByRole("checkbox"));
    await userEvent.click(confirm);
    await waitFor(() => expect(told[0]?.body).toMatchObject({ accept: true, version: 1 }));
  });

  it("asks for nothing while the checkpoint cannot be judged", async () => {
    const problem = { title: "Conflict", detail: "the topic plant cannot be read", code: "conflict", request_id: "r" };
    server.use(http.get(api("streaming-job/preflight"), () => HttpResponse.json(problem, { status: 409 })));
    show();
    const dialog = await choose("Roll back…");
    await userEvent.click(await within(dialog).findByRole("radio", { name: /Version 2/ }));
    expect(await within(dialog).findByRole("alert")).toHaveTextContent("the topic plant cannot be read");
    expect(within(dialog).queryByLabelText(/Reason/)).not.toBeInTheDocument();
  });
});

describe("a dialog", () => {
  it("shows the server's sentences, and stays", async () => {
    const problem = {
      title: "Bad Request",
      detail: "some fields are not right",
      errors: { reason: ["this is longer than 500 characters"] },
      request_id: "r-3",
    };
    server.use(http.post(api("streaming-job/restart"), () => HttpResponse.json(problem, { status: 400 })));
    show();
    const dialog = await choose("Restart…");
    await userEvent.type(await within(dialog).findByLabelText(/Reason/), "why not");
    await userEvent.click(within(dialog).getByRole("button", { name: "Restart pipeline" }));
    expect(await within(dialog).findByRole("alert")).toHaveTextContent(
      /some fields are not right.*reason: this is longer than 500 characters.*r-3/,
    );
    expect(screen.getByTestId("streaming-job")).not.toHaveTextContent("asked to");
  });

  it("closed by Escape gives the focus back to what it was opened by", async () => {
    show();
    await choose("Stop now…");
    await userEvent.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    await waitFor(() => expect(screen.getByRole("button", { name: "More to do with the pipeline" })).toHaveFocus());
  });
});
