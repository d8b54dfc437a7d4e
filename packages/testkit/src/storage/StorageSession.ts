/** Session of one process with a storage of runners, as a connection to a database. */
import type { Life } from "../kernel/Life.ts"

export class StorageSession {
  readonly node: string
  /** Address of the runner. */
  readonly address: string
  /** Life of the process in a simulation. Without a simulation there is none, and the session ends with its scope. */
  readonly life: Life | undefined
  /** Time of the last operation on locks, in milliseconds. */
  usedAt: number
  /** `true` once the storage has ended the session. */
  ended = false

  constructor(options: {
    readonly node: string
    readonly address: string
    readonly life: Life | undefined
    readonly now: number
  }) {
    this.node = options.node
    this.address = options.address
    this.life = options.life
    this.usedAt = options.now
  }

  /** `true` if the process has ended, also if the storage cannot know it yet. */
  get isDead(): boolean {
    return this.life !== undefined && !this.life.alive
  }

  /** `true` if the operating system of the node has told the storage that the process has ended. */
  get isClosedByPeer(): boolean {
    return this.life !== undefined && !this.life.alive && !this.life.lostPower
  }
}
