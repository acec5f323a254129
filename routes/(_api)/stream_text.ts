import { type State, viewerOf } from "../(_role)/state.ts";

/**
 * An answer that is made while it is sent: as many rows as there are cost no more memory than one piece. What cannot be
 * read at all is thrown before the answer begins, and so becomes words instead of a broken file.
 *
 * @param ended asked before each piece: once the session or API token that asked has ended, the answer breaks off
 */
export async function streamText(
  pieces: AsyncGenerator<string>,
  headers: Record<string, string>,
  ended: () => boolean = () => false,
): Promise<Response> {
  const first = await pieces.next();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start: (stream) => first.done ? stream.close() : stream.enqueue(encoder.encode(first.value)),
    async pull(stream) {
      if (ended()) {
        await pieces.return(undefined);
        return stream.error(new Error("Whoever asked for this is no longer signed in."));
      }
      const { done, value } = await pieces.next();
      if (done) stream.close();
      else stream.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
  return new Response(body, { headers });
}

/**
 * For {@link streamText}: whether who asked has been signed out, or their API token revoked, while the answer is still on
 * its way.
 */
export function endOf(state: State): () => boolean {
  const { session_id } = viewerOf(state);
  return () => state.services.sessions.revocations.hasEnded(session_id);
}
