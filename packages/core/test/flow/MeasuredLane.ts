import { cost } from "../../src/flow/cost.ts"
import type { InboundMessage, Options } from "../../src/flow/ReceiveLane.ts"
import { ReceiveLane } from "../../src/flow/ReceiveLane.ts"
import type { Data } from "../../src/protocol/Frame.ts"
import { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"

/**
 * Receiving lane that measures its memory from outside: the cost of the frames that arrived, without the messages that
 * were read.
 */
export class MeasuredLane extends ReceiveLane {
  private whole = 0
  private begun = 0
  private isRead = true

  static readonly make = (options: Options): MeasuredLane => new MeasuredLane(options)

  override receive(frame: Data): InboundMessage | ProtocolViolation | undefined {
    const result = super.receive(frame)
    if (result instanceof ProtocolViolation) return result
    this.begun = frame.abort ? 0 : this.begun + cost(frame.payload.length)
    if (result !== undefined) {
      this.whole += this.begun
      this.begun = 0
    }
    return result
  }

  override onRead(amount: number): void {
    super.onRead(amount)
    this.whole -= amount
  }

  override close(): void {
    super.close()
    this.isRead = false
  }

  /** Returns the cost of the complete unread messages and of the fragments of the next message. */
  held(): number {
    return this.isRead ? this.whole + this.begun : 0
  }
}
