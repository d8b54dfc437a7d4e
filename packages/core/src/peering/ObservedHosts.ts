/**
 * Hosts under which peers see this node: the `observedHost` of a HelloAck (docs/protocol.md, section "Handshake"). A
 * host that this node does not advertise suggests a NAT between the node and the peer.
 */
import * as Address from "../Address.ts"
import { canonicalHost, canonicalIp, isLoopback, isUnspecified, unmapped, withoutZone } from "../internal/hosts.ts"

/** Maximum number of remembered hosts. A node has few hosts: one for each network of its peers. */
export const maxObservedHosts = 8

/** Maximum number of hosts that get a log line. Peers can report any host and must not fill the log. */
export const maxHints = 64

export class ObservedHosts {
  /** Hosts, newest first. */
  private hosts: ReadonlyArray<string> = []
  /** Hosts that got a log line. */
  private readonly hinted = new Set<string>()

  /** Returns the hosts, newest first: IP literals in canonical form without a zone, and DNS names. */
  readonly list = (): ReadonlyArray<string> => this.hosts

  /**
   * Records a host under which a peer sees this node. Returns the text of a log line, once per host, if the host may be
   * the address of a NAT. It may be one if all advertised hosts are IP literals and none of them is this host. A
   * loopback host never counts, because a peer on the same machine sees it whatever the node advertises.
   */
  note(observed: string, advertised: ReadonlyArray<Address.Address>): string | undefined {
    const host = hostOf(observed)
    if (host === undefined) return undefined
    if (this.hosts[0] !== host) {
      this.hosts = [host, ...this.hosts.filter((each) => each !== host)].slice(0, maxObservedHosts)
    }
    if (this.hinted.has(host) || this.hinted.size >= maxHints || isLoopback(host)) return undefined
    const literals = advertised.map((address) => literalOf(Address.host(address)))
    if (literals.length === 0 || literals.some((literal) => literal === undefined || literal === host)) return undefined
    this.hinted.add(host)
    const addresses = advertised.join(", ")
    return (
      `peers see this node at ${host}, but it advertises ${addresses}: there may be a NAT in between; ` +
      `if peers cannot dial this node, set \`advertise\` to an address that they can reach`
    )
  }
}

/**
 * Returns an IP literal in canonical form: without its zone, and as IPv4 if it is mapped into IPv6. Returns `undefined`
 * for any other host.
 */
const literalOf = (host: string): string | undefined => {
  const ip = canonicalIp(host)
  return ip === undefined ? undefined : unmapped(withoutZone(ip))
}

/** Returns the host in canonical form, or `undefined` for a text that is not the host of a peer. */
export const hostOf = (observed: string): string | undefined => {
  const host = literalOf(observed) ?? canonicalHost(observed)
  return host === undefined || isUnspecified(host) ? undefined : host
}
