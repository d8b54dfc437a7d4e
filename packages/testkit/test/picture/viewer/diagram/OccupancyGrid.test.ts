import { assert, describe, it } from "@effect/vitest"
import { OccupancyGrid } from "../../../../src/picture/viewer/diagram/OccupancyGrid.ts"

const box = (left: number, top: number, size = 10) => ({ left, top, right: left + size, bottom: top + size })

describe("OccupancyGrid", () => {
  it("is free in empty places, and next to boxes that only touch", () => {
    const grid = new OccupancyGrid()
    assert.isTrue(grid.isFree(box(0, 0)))
    grid.occupy(box(0, 0))
    assert.isFalse(grid.isFree(box(9, 9)))
    assert.isTrue(grid.isFree(box(10, 0)))
    assert.isTrue(grid.isFree(box(0, 10)))
  })

  it("finds a collision anywhere along a high box", () => {
    const grid = new OccupancyGrid()
    grid.occupy({ left: 0, right: 10, top: -100, bottom: 100 })
    for (const top of [-100, -30, 0, 24, 95]) assert.isFalse(grid.isFree(box(0, top)), `top ${top}`)
    assert.isTrue(grid.isFree(box(0, 101)))
  })

  it("lets only boxes of one owner overlap", () => {
    const grid = new OccupancyGrid()
    grid.occupy({ ...box(0, 0), owner: 1 })
    assert.isTrue(grid.isFree({ ...box(0, 0), owner: 1 }))
    assert.isFalse(grid.isFree({ ...box(0, 0), owner: 2 }))
    assert.isFalse(grid.isFree(box(0, 0)))
  })
})
