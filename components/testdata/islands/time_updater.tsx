export { TimeUpdater as default } from "../../use_now.ts";
