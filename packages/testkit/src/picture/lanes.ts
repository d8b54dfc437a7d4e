/**
 * Lane numbers of events outside the lanes of nodes. The lanes of nodes are counted from 0.
 */

/** Lane of an event without a node: a fault, or a note of the scenario. */
export const simulationLane = -1

/** Lane of an event between two nodes: a loss or a drop. */
export const inTransit = -2

/** Lane of an event whose send is missing, because the trace keeps only the last events. */
export const unknownLane = -3
