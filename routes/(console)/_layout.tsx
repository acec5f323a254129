import { define } from "../(_role)/state.ts";
import { consoleFrame } from "./(_components)/console_frame.tsx";

export default define.layout(({ Component, state, url }) => consoleFrame(state, url, <Component />));
