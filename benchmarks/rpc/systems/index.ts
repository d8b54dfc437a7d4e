/** Compared systems, in the order of their measurement. */
import type { Driver } from "./Driver.ts"

export interface System {
  readonly load: () => Promise<{ readonly make: () => Driver }>
}

/** System to which the others are compared. */
export const reference = "effect"

export const systems: { readonly [name: string]: System } = {
  effect: { load: () => import("./effect.ts") },
  coterie: { load: () => import("./coterie.ts") },
  connect: { load: () => import("./connect.ts") },
  "grpc-js": { load: () => import("./grpc.ts") },
}
