import type { Topic } from "./topic.ts";

/** Routes of networks that may come in. */
export default {} satisfies Topic;
