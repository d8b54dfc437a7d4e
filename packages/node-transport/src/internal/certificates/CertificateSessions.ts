/** The credentials that a transport uses, and its open connections by the certificates of their ends. */
import type { NodeMetrics } from "@coterie/core/NodeMetrics"
import type * as Net from "node:net"
import type * as Tls from "node:tls"
import { CertificateMetrics } from "../metrics/CertificateMetrics.ts"
import { Sessions, type SessionTimes } from "../sessions/Sessions.ts"
import type { Secured } from "../socket/SocketConnection.ts"
import { useCredentials } from "./certificateTls.ts"
import type { Credentials } from "./credentials.ts"
import { judge, type PeerProof, type Verdict, withdrawnBy } from "./judge.ts"
import type { Trusted } from "./names.ts"
import { describeTime, renewalTime } from "./validity.ts"

export interface Options {
  readonly credentials: Credentials
  readonly isTrusted: Trusted
  readonly times: SessionTimes
  readonly cutExpired: boolean
  /** Returns the time in milliseconds since 1970. */
  readonly wall: () => number
}

export class CertificateSessions {
  private readonly options: Options
  private readonly sessions: Sessions<PeerProof>
  private readonly metrics = new CertificateMetrics((whose) => this.secondsLeft(whose))
  private readonly servers = new Set<Tls.Server>()
  private current: Credentials

  constructor(options: Options) {
    this.options = options
    this.current = options.credentials
    this.sessions = new Sessions<PeerProof>({
      times: options.times,
      wall: options.wall,
      withdrawn: (proof) => (proof.judgedBy === this.current ? undefined : withdrawnBy(proof, this.current)),
    })
  }

  /** Credentials that this node presents now. */
  get credentials(): Credentials {
    return this.current
  }

  /** Gives a server the credentials of each time, until it is removed. */
  add(server: Tls.Server): void {
    this.servers.add(server)
  }

  remove(server: Tls.Server): void {
    this.servers.delete(server)
  }

  /**
   * Replaces the credentials. Withdraws the connections that they no longer accept, and renews all others if the certificate of this
   * node is another one, so that peers see it before the earlier one expires.
   */
  use(credentials: Credentials): void {
    const isRenewed = credentials.certificate.fingerprint256 !== this.current.certificate.fingerprint256
    this.current = credentials
    for (const server of this.servers) useCredentials(server, credentials)
    this.sessions.check()
    if (isRenewed) this.sessions.renewIf(() => true)
  }

  /** Judges the other end of a handshake that began with these credentials. */
  judge(socket: Tls.TLSSocket, credentials: Credentials): Verdict {
    return judge(socket, credentials, this.options.isTrusted, this.options.wall())
  }

  /** Registers a connection until it is closed. The credentials may have changed during its handshake. */
  open(proof: PeerProof, socket: Net.Socket, raw: Net.Socket): Secured {
    const own = proof.judgedBy
    const end = Math.min(own.period.to, proof.period.to)
    const secured = this.sessions.open(proof, {
      socket,
      raw,
      identity: proof.identity,
      renewAt: Math.min(renewalTime(own.period), renewalTime(proof.period)),
      cut: this.options.cutExpired
        ? { at: end, reason: `a certificate of the connection has expired: valid to ${describeTime(end)}` }
        : undefined,
    })
    this.metrics.changed()
    raw.once("close", this.metrics.changed)
    if (own.certificate.fingerprint256 !== this.current.certificate.fingerprint256) {
      this.sessions.renewIf((each) => each === proof)
    }
    return secured
  }

  /**
   * Returns the seconds until the certificate of this node expires, or the first certificate of the open connections. Negative after the
   * expiry, and `undefined` without connections.
   */
  secondsLeft(whose: "own" | "peers"): number | undefined {
    let first = whose === "own" ? this.current.period.to : Number.POSITIVE_INFINITY
    if (whose === "peers") for (const { period } of this.sessions.proofs()) first = Math.min(first, period.to)
    return first === Number.POSITIVE_INFINITY ? undefined : (first - this.options.wall()) / 1_000
  }

  /** Shows the time until the expiry to a node until the scope closes. */
  readonly addMetrics = (metrics: NodeMetrics) => this.metrics.addMetrics(metrics)

  /** Ends the timer of the sessions. */
  close(): void {
    this.sessions.close()
  }
}
