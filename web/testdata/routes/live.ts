import { define } from "../site.ts";

export const access = { role: "operator", scope: "hosts", audit: null };

export const upgrade = define.upgrade<{ words: string[] }>((ctx, socket) => {
  socket.words.push(`hello ${ctx.state.role}`);
});
