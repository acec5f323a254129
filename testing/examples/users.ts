import type { Topic } from "./topic.ts";

/** Routes of users. */
export default {} satisfies Topic;
