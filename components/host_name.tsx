/**
 * The name of a host: what tells it from its neighbours first, its domain quietly behind it. The direction of the letters
 * stays within it, so that a name that is written from right to left moves nothing beside it.
 */
export function HostName({ name }: { name: string }) {
  const [label, domain] = nameParts(name);
  return (
    <bdi>
      {domain ? <b class="host-label">{label}</b> : name}
      {domain && <span class="host-domain">{domain}</span>}
    </bdi>
  );
}

/** First label and the rest, dot included, of a full name; anything else (a name that people gave, an address) is whole. */
export function nameParts(name: string): [label: string, domain: string] {
  const found = /^([a-z0-9_-]+)((?:\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]+)$/i.exec(name);
  return found ? [found[1], found[2]] : [name, ""];
}
