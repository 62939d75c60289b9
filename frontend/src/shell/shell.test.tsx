// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { http, HttpResponse, ws } from "msw";
import { setupServer } from "msw/node";
import { MemoryRouter } from "react-router";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { setUpClient } from "@/api/client";
import type { OverviewData, Role } from "@/api/types";
import { App } from "@/app/App";
import { makeQueryClient } from "@/app/queryClient";
import { standInForTheBrowser } from "@/testing/browser";
import { overview } from "@/testing/overview";

const api = (path: string) => `${location.origin}/api/v1/${path}`;
const live = ws.link(`${location.origin.replace("http", "ws")}/ws/v1/live`);
const at = () => new Date().toISOString();

/** A control plane that answers, and publishes what a test tells it to. */
function controlPlane(role: Role | null, change: Partial<OverviewData> = {}) {
  let snapshots = 0;
  let user = role && { username: "ada", role };
  let send: ((frame: object) => void) | undefined;
  let drop: () => void = () => undefined;
  const handlers = [
    http.get(api("session"), () => HttpResponse.json({ user })),
    http.post(api("session"), () => {
      user = { username: "ada", role: "viewer" };
      return HttpResponse.json({ user });
    }),
    http.get(api("environment"), () => HttpResponse.json({ name: "test", version: "1", pipelines: ["plant"] })),
    http.get(api("pipelines/plant/series"), () =>
      HttpResponse.json({ from: at(), to: at(), resolution_seconds: 10, series: [] }),
    ),
    http.get(api("pipelines/plant/overview"), () => {
      snapshots += 1;
      return HttpResponse.json({
        seq: 100 * snapshots,
        at: at(),
        data: overview({ ...change, received: 100 * snapshots }),
      });
    }),
    live.addEventListener("connection", ({ client }) => {
      drop = () => client.close();
      client.addEventListener("message", () => {
        send = (frame) => client.send(JSON.stringify(frame));
        send({ type: "subscribed", topics: ["pipeline.plant"] });
      });
    }),
  ];
  const publish = async (seq: number) => {
    await waitFor(() => expect(send).toBeDefined());
    send?.({ type: "message", topic: "pipeline.plant", seq, at: at(), data: overview({ ...change, received: seq }) });
  };
  return { handlers, publish, drop: () => drop(), snapshots: () => snapshots };
}

const server = setupServer();
beforeAll(() => {
  standInForTheBrowser();
  setUpClient();
  server.listen({ onUnhandledRequest: "error" });
});
afterEach(() => {
  cleanup();
  server.resetHandlers();
});
afterAll(() => server.close());

function open(path = "/") {
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={makeQueryClient()}>
        <MemoryRouter initialEntries={[path]}>
          <App />
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

const received = () => screen.getByTestId("received").dataset.value;

describe("the console", () => {
  it("leads to the login and from it to the page that was asked for", async () => {
    server.use(...controlPlane(null).handlers);
    open("/?range=1h");
    await userEvent.type(await screen.findByLabelText("Name"), "ada");
    await userEvent.type(screen.getByLabelText("Password"), "secret");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByText("Last hour")).toBeVisible();
  });

  it("says why a login failed, with the request's id", async () => {
    const problem = {
      title: "Sign-in failed",
      detail: "Wrong.",
      code: "login_failed",
      request_id: "r-17",
      status: 401,
    };
    server.use(
      http.post(api("session"), () => HttpResponse.json(problem, { status: 401 })),
      ...controlPlane(null).handlers,
    );
    open();
    await userEvent.type(await screen.findByLabelText("Name"), "ada");
    await userEvent.type(screen.getByLabelText("Password"), "wrong");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("alert")).toHaveTextContent(/Sign-in failed.*r-17/);
  });

  it("shows each message, and heals a gap by one snapshot", async () => {
    const plane = controlPlane("operator");
    server.use(...plane.handlers);
    open();
    await waitFor(() => expect(received()).toBe("100"));
    await plane.publish(101);
    await waitFor(() => expect(received()).toBe("101"));
    await plane.publish(105);
    await waitFor(() => expect(received()).toBe("200"));
    expect(plane.snapshots()).toBe(2);
  });

  it("shows a viewer the control that is not theirs, and why", async () => {
    server.use(...controlPlane("viewer").handlers);
    open();
    for (const name of ["Drain…", "More to do with the pipeline"]) {
      const control = await screen.findByRole("button", { name });
      expect(control).toHaveAttribute("aria-disabled", "true");
      expect(control).toHaveAttribute("aria-description", expect.stringContaining("you are viewer"));
      await userEvent.click(control);
    }
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    expect(screen.queryByRole("menu")).not.toBeInTheDocument();
  });

  it("keeps the last good figures when the snapshot fails, and shows what the server said", async () => {
    const plane = controlPlane("operator");
    server.use(...plane.handlers);
    open();
    await waitFor(() => expect(received()).toBe("100"));
    await plane.publish(101);
    const problem = { title: "Not found", request_id: "r-9" };
    server.use(http.get(api("pipelines/plant/overview"), () => HttpResponse.json(problem, { status: 404 })));
    await plane.publish(109);
    expect(await screen.findByRole("alert")).toHaveTextContent(/Not found.*r-9/);
    expect(received()).toBe("101");
  });

  it("goes back to the login when the session has ended", async () => {
    const ended = http.get(api("pipelines/plant/series"), () =>
      HttpResponse.json({ code: "not_authenticated" }, { status: 401 }),
    );
    server.use(ended, ...controlPlane("operator").handlers);
    open();
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeVisible();
  });

  it("names the window after the page, and says when it is not live", async () => {
    const plane = controlPlane("operator");
    server.use(...plane.handlers);
    open();
    await waitFor(() => expect(received()).toBe("100"));
    await plane.publish(101);
    await waitFor(() => expect(document.title).toBe("Overview · plant · Penstock"));
    await userEvent.keyboard(".");
    await waitFor(() => expect(document.title).toBe("Paused · Overview · plant · Penstock"));
    await userEvent.keyboard(".");
    plane.drop();
    await waitFor(() => expect(document.title).toBe("Not live · Overview · plant · Penstock"));
  });

  it("says of an address that leads nowhere which it is, and leads back", async () => {
    server.use(...controlPlane("viewer").handlers);
    open("/pipelines/17?range=1h");
    expect(await screen.findByText("There is no such page")).toBeVisible();
    expect(screen.getByText("/pipelines/17")).toBeVisible();
    await waitFor(() => expect(document.title).toContain("No such page"));
    await userEvent.click(screen.getByRole("link", { name: "Back to Overview" }));
    expect(await screen.findByTestId("received")).toBeVisible();
    expect(screen.getByRole("button", { name: "Time range: Last hour" })).toBeVisible();
  });

  it("shows what needs attention by its words, whatever its kind and severity", async () => {
    const attention = [
      { code: "incident", severity: "grave", title: "Something new", detail: "of a newer server", since: 5 },
      { code: "incident", severity: "failing", title: "And again", detail: "", since: NaN },
    ] as unknown as OverviewData["attention"];
    server.use(...controlPlane("viewer", { attention }).handlers);
    open();
    const list = await screen.findByTestId("attention");
    expect(list).toHaveTextContent(/Something newof a newer servergrave, since .* ago/);
    expect(list).toHaveTextContent(/And againfailing, since –/);
    expect(within(list).getAllByRole("link", { name: "Pipeline" })).toHaveLength(2);
  });

  it("says when nothing is wrong what was looked at, and when", async () => {
    const plane = controlPlane("viewer");
    server.use(...plane.handlers);
    open();
    await waitFor(() => expect(received()).toBe("100"));
    await plane.publish(101);
    await waitFor(() =>
      expect(screen.getByTestId("attention")).toHaveTextContent(/Driver, stream, .* checked at 22:13:20 UTC/),
    );
  });
});
