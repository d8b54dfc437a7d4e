/** Faults between the nodes and a storage. */
interface Fault {
  cut: boolean
  /** Additional time of an operation, in milliseconds. */
  slowBy: number
  /** Probability that an operation fails. */
  failing: number
}

const none: Readonly<Fault> = { cut: false, slowBy: 0, failing: 0 }

export class StorageFaults {
  private readonly faults = new Map<string, Fault>()
  private readonly names = new Set<string>()

  /** Names of the nodes that use the storage. */
  get nodes(): ReadonlySet<string> {
    return this.names
  }

  /** Adds a node that uses the storage. */
  addNode(node: string): void {
    this.names.add(node)
  }

  /** Returns the faults of a node. */
  of(node: string): Readonly<Fault> {
    return this.faults.get(node) ?? none
  }

  /** Changes the faults of a node. */
  set(node: string, change: Partial<Fault>): void {
    this.faults.set(node, { ...this.of(node), ...change })
  }

  /** Ends the faults of all nodes. */
  clear(): void {
    this.faults.clear()
  }
}
