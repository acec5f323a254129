import type { Topic } from "./topic.ts";

/** Routes of second factors and proof of identity. */
export default {} satisfies Topic;
