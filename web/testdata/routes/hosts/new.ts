import { define } from "../../site.ts";

export const access = { role: "admin", scope: "none", audit: "host.create" };

export const handler = define.handlers({ POST: () => new Response("made", { status: 201 }) });
