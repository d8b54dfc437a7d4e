/**
 * Time for which `synced` waits for the entries of one member. A member that has a link and opens the map, but sends
 * nothing or never comes to an end, would otherwise hold up every node for as long as its link is up.
 */
export class SyncBudget {
  /** `true` if the time is over. `synced` does not wait for the member then. */
  isSpent = false
  private readonly millis: number
  private remaining: number
  private end = Infinity

  constructor(millis: number) {
    this.millis = millis
    this.remaining = millis
  }

  /** Time at which the budget is spent. `Infinity` if it does not run. */
  get endsAt(): number {
    return this.end
  }

  /** The entries have arrived. The budget is whole again. */
  renew(): void {
    this.isSpent = false
    this.remaining = this.millis
    this.end = Infinity
  }

  /**
   * The entries of a member with a link are missing. The budget runs until `pause`. A link that is lost and restored does
   * not renew it, so a member cannot hold up others by connecting again. Returns `true` if the budget is spent now.
   */
  run(now: number): boolean {
    if (this.isSpent) return false
    if (this.end === Infinity) this.end = now + this.remaining
    if (now < this.end) return false
    this.isSpent = true
    this.end = Infinity
    return true
  }

  /** The entries are not expected, for example because the link is lost. */
  pause(now: number): void {
    if (this.end === Infinity) return
    this.remaining = Math.max(0, this.end - now)
    this.end = Infinity
  }
}
