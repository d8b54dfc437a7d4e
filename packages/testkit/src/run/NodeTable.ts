/** Nodes of a run by their names, in the order in which they were added. */
import * as Microseconds from "../internal/Microseconds.ts"
import { type SimNode, stateText } from "./SimNode.ts"
import { usageError, type UsageError } from "./validateOptions.ts"

/** Name of the life in which the scenario itself runs. */
export const scenarioName = "scenario"

/** Form of the name of a node, which is also its host name. */
const nameForm = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Maximum number of nodes that a message lists. */
const maximumDown = 10

export class NodeTable {
  private readonly byName = new Map<string, SimNode<never>>()

  get nodes(): ReadonlyMap<string, SimNode<never>> {
    return this.byName
  }

  add(node: SimNode<never>): void {
    this.byName.set(node.name, node)
  }

  /** Describes the nodes that are not running. */
  describeDown(): string {
    const down = [...this.byName.values()].filter(({ state }) => state !== "running")
    if (down.length === 0) return "all nodes are running"
    const named = down.slice(0, maximumDown).map(({ name, state }) => `${name} ${stateText[state]}`)
    const more = down.length - named.length
    return `${named.join(", ")}${more > 0 ? `, and ${more} more are down` : ""}`
  }

  /** Returns the first error of the names of new nodes. */
  checkNew(names: ReadonlyArray<string>): UsageError | undefined {
    for (const [place, name] of names.entries()) {
      if (!nameForm.test(name) || name === scenarioName) {
        return usageError(
          "nodeName",
          `"${name}" cannot be the name of a node: the name is also a host name, so use a to z, 0 to 9 and "-"`,
        )
      }
      if (this.byName.has(name) || names.slice(0, place).includes(name)) {
        return usageError("nodeName", `a node "${name}" already exists: give each node its own name`)
      }
    }
    return undefined
  }

  /** Returns the error of the first name that no node has. */
  checkKnown(names: ReadonlyArray<string>, now: number): UsageError | undefined {
    const unknown = names.find((name) => !this.byName.has(name))
    if (unknown === undefined) return undefined
    const known = [...this.byName.keys()].join(", ")
    return usageError(
      "nodeName",
      `there is no node "${unknown}" at ${Microseconds.show(now)}; the nodes are: ${known || "none"}`,
    )
  }
}
