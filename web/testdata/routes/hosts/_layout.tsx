import { define } from "../../site.ts";

export default define.layout(({ Component }) => (
  <section id="hosts">
    <Component />
  </section>
));
