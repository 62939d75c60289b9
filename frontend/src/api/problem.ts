/** A problem document (RFC 9457) as an error: what the page shows when the server says no, or nothing. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string | null;
  /** Sentences on single fields. */
  readonly sentences: string[];

  constructor(
    status: number,
    title: string,
    detail: string,
    code: string,
    requestId: string | null,
    sentences: string[] = [],
  ) {
    super(detail || title);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.code = code;
    this.requestId = requestId;
    this.sentences = sentences;
  }

  /** `body` is what came, which need not be a problem document: a proxy answers in its own words. */
  static from(body: unknown, response: Response | undefined): Problem {
    if (!response) {
      const detail = "The control plane does not answer. The page goes on trying.";
      return new Problem(0, "No connection", detail, "no_connection", null);
    }
    const found = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    const text = (name: string) => (typeof found[name] === "string" ? found[name] : "");
    const id = text("request_id") || response.headers.get("X-Request-ID");
    const title = text("title") || `Error ${response.status}`;
    return new Problem(response.status, title, text("detail"), text("code"), id, sentencesOf(found.errors));
  }
}

function sentencesOf(errors: unknown): string[] {
  if (typeof errors !== "object" || errors === null) return [];
  return Object.entries(errors).flatMap(([field, texts]) =>
    Array.isArray(texts) ? texts.map((text) => `${field}: ${String(text)}`) : [],
  );
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, "Something went wrong in the page", String(error), "console", null);
}
