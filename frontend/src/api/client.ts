import { client } from "./generated/client.gen";
import { Problem } from "./problem";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

function csrfToken(): string {
  return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
}

/** Sets the generated client up: our own origin, the CSRF token on what changes something, errors as Problems. */
export function setUpClient(): void {
  client.setConfig({ baseUrl: location.origin });
  client.interceptors.request.use((request) => {
    if (!SAFE.has(request.method)) request.headers.set("X-CSRFToken", csrfToken());
    return request;
  });
  client.interceptors.error.use((error, response) => Problem.from(error, response));
}
