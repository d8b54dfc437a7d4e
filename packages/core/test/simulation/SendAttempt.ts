import type { SendError } from "@coterie/core/ClusterError"
import type { BroadcastReport } from "@coterie/core/Lane"
import type { Fate, SentMessage } from "./SentMessage.ts"

export interface Options {
  readonly message: SentMessage
  readonly text: string
  /** Records the result. */
  readonly decide: (message: SentMessage, outcome: string, fate: (receiver: string) => Fate) => void
}

/** Send of one message. The sender calls exactly one of its methods with the result. */
export class SendAttempt {
  readonly text: string
  private readonly message: SentMessage
  private readonly decide: Options["decide"]

  constructor({ decide, message, text }: Options) {
    this.text = text
    this.message = message
    this.decide = decide
  }

  /** Records that a send to one peer succeeded. */
  readonly sent = (fate: "accepted" | "taken"): void => this.decide(this.message, fate, this.onlyReceiver(fate))

  readonly failed = ({ maybeDelivered, reason }: SendError): void =>
    this.decide(this.message, reason._tag, maybeDelivered ? this.onlyReceiver("unknown") : () => "refused")

  /** Records that the send was not tried. */
  readonly unsent = (): void => this.decide(this.message, "unsent", () => "refused")

  /** Records the result of a send to many peers. */
  readonly reported = ({ failed, sent }: BroadcastReport): void =>
    this.decide(this.message, "reported", (receiver) => {
      if (sent.includes(receiver)) return "accepted"
      const error = failed.find(({ peer }) => peer === receiver)
      return error === undefined ? "passed over" : error.maybeDelivered ? "unknown" : "refused"
    })

  private onlyReceiver(fate: Fate): (receiver: string) => Fate {
    return (receiver) => (receiver === this.message.to ? fate : "refused")
  }
}
