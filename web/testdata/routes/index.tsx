import { signal } from "@preact/signals";
import { define } from "../site.ts";
import Counter from "../islands/counter.tsx";
import Fold from "../islands/fold.tsx";
import { Note } from "./(_components)/note.tsx";

export const access = { role: "anonymous", scope: "none", audit: null };

export default define.page(({ state }) => {
  state.title = "Home";
  const shared = signal(3);
  return (
    <>
      <h1>Home</h1>
      <Counter id="a" count={shared} since={new Date(0)} />
      <Counter id="b" count={shared} since={new Date(0)} />
      <Fold label="More </script><b>bold</b>">
        <p id="kept">Server words</p>
        <Counter id="c" count={signal(10)} since={new Date(0)} />
      </Fold>
      <Note />
      <a href="#bottom" id="jump">Bottom</a>
      <form id="filter" action="/hosts/7">
        <input name="tab" id="tab" aria-label="Tab" />
        <input name="empty" aria-label="Empty" />
        <button type="submit">Filter</button>
      </form>
      <div class="tall" />
      <h2 id="bottom">Bottom</h2>
      <a href="/hosts/8" id="far">Host 8</a>
    </>
  );
});
