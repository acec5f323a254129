export { TimeUpdater as default } from "../components/use_now.ts";
