/** Every key of the query cache. What belongs to a pipeline begins alike, so that it can be dropped together. */
export const keys = {
  session: ["session"] as const,
  environment: ["environment"] as const,
  pipeline: (name: string) => ["pipeline", name] as const,
  overview: (name: string) => ["pipeline", name, "overview"] as const,
  pipelineSeries: (name: string) => ["pipeline", name, "series"] as const,
  series: (name: string, range: string) => ["pipeline", name, "series", range] as const,
  streamingJob: (name: string) => ["pipeline", name, "streaming-job"] as const,
  versions: (name: string) => ["pipeline", name, "versions"] as const,
  preflight: (name: string, version: number | null) => ["pipeline", name, "preflight", version] as const,
};
