/** Holds `/slow` back until a test opens it. */
export const gate: PromiseWithResolvers<void> = Promise.withResolvers<void>();
