/**
 * The hosts at which peers see this node: the `observedHost` of a HelloAck (docs/protocol.md, section "Handshake"). A host that
 * this node does not advertise is a hint of a NAT between the node and the peer.
 */
import * as Address from "../Address.ts"
import { canonicalHost, canonicalIp, isLoopback, isUnspecified, unmapped, withoutZone } from "../internal/hosts.ts"

/** Number of hosts that are remembered. A node has few: one for each network that its peers are in. */
export const maxObservedHosts = 8

/** Number of hosts that the log is told about. Peers say what they like, and must not fill the log. */
export const maxHints = 64

export class ObservedHosts {
  /** The newest first. */
  private hosts: ReadonlyArray<string> = []
  /** Hosts that the log was told about. */
  private readonly hinted = new Set<string>()

  /** Returns the hosts, the newest first: IP literals in one spelling and without a zone, and DNS names. */
  readonly list = (): ReadonlyArray<string> => this.hosts

  /**
   * Remembers a host as a peer sees it. Returns the hint for the log, once for each host: the host is an address of a NAT if all
   * hosts that this node advertises are IP literals and none of them is this one. A loopback host is no hint, for a peer on the
   * same machine sees it whatever the node advertises.
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
      `peers see this node at ${host}, and it advertises ${addresses}: there may be a NAT between; ` +
      `if peers cannot dial this node, set \`advertise\` to an address that they reach`
    )
  }
}

/**
 * Returns an IP literal in one spelling: without its zone, and as IPv4 if it is mapped into IPv6. Returns `undefined` for any other
 * host.
 */
const literalOf = (host: string): string | undefined => {
  const ip = canonicalIp(host)
  return ip === undefined ? undefined : unmapped(withoutZone(ip))
}

/** Returns the host in one spelling, or `undefined` for text that is no host of a peer. */
const hostOf = (observed: string): string | undefined => {
  const host = literalOf(observed) ?? canonicalHost(observed)
  return host === undefined || isUnspecified(host) ? undefined : host
}
