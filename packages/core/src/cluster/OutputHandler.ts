/** Performs the outputs of the membership with the parts of the node. */
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import type { Output } from "../membership/Draft.ts"
import type * as State from "../membership/State.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { DiagnosticLimiter } from "./DiagnosticLimiter.ts"

export interface Options {
  readonly links: Pick<LinkManager, "answer" | "close" | "pingNow" | "send">
  readonly diagnostics: DiagnosticLimiter
  /** Publishes an event to the subscribers. */
  readonly publish: (event: ViewChange | Notice) => void
  /** Called when the membership has stopped. */
  readonly onStopped: (reason: State.StopReason) => void
}

export class OutputHandler {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /** Performs one output of a step. Never waits. */
  readonly perform = (output: Output): void => {
    const { diagnostics, links, onStopped, publish } = this.options
    switch (output._tag) {
      case "Send":
        return links.send(output.to, output.frame)
      case "Answer":
        return links.answer(output.peer, output.frame)
      case "PingNow":
        return links.pingNow(output.peer)
      case "CloseLink":
        return links.close(output.peer, output.code)
      case "Emit":
        return diagnostics.allows(output.event) ? publish(output.event) : undefined
      case "Stopped":
        return onStopped(output.reason)
    }
  }
}
