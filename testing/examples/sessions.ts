import type { Topic } from "./topic.ts";

/** Routes of own sessions and the profile. */
export default {} satisfies Topic;
