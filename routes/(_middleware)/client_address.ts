import { AppError } from "../../core/errors.ts";
import { define } from "../(_role)/state.ts";

/**
 * What managed hosts need before and after they are enrolled. It stays open to the networks that agents are in
 * (`agents.networks`), because a list of who may use pages and API must not cut hosts off from their certificates.
 */
const FOR_HOSTS = ["/api/v1/enroll", "/api/v1/pki", "/api/v1/ca"];

/**
 * Finds out where a request comes from, believing X-Forwarded-For from trusted proxies only, and lets in whom the list of
 * allowed networks names. Everything that follows (throttle, session, audit) goes by this address.
 */
export const clientAddress = define.middleware((ctx) => {
  const { access } = ctx.state.services;
  const peer = ctx.state.address;
  // Without a connection (a test of the site alone) there is nobody to judge.
  if (peer === null) return ctx.next();
  const address = access.clientOf(peer, ctx.req.headers.get("x-forwarded-for"));
  if (address === null) {
    throw new AppError("bad_request", {
      message: "The proxy passed on an X-Forwarded-For that holds no address.",
      hint: "Let the proxy write the client's address there and nothing else.",
    });
  }
  ctx.state.address = address;
  const for_hosts = FOR_HOSTS.some((prefix) => ctx.route === prefix || ctx.route.startsWith(`${prefix}/`));
  if (!(for_hosts ? access.admitsHost(address) : access.admits(address))) throw new AppError("address_refused");
  return ctx.next();
});
