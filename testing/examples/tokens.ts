import type { Topic } from "./topic.ts";

/** Routes of API tokens. */
export default {} satisfies Topic;
