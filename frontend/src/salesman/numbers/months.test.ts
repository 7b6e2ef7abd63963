import { describe, expect, it } from 'vitest';
import { columnsOf } from './months';

describe('outcomes by month', () => {
  it('are columns on one scale', () => {
    const [first, second] = columnsOf([
      { month: '2026-01', succeeded: 3, failed: 1 },
      { month: '2026-02', succeeded: 1, failed: 0 },
    ]);
    expect(first).toMatchObject({ year: 2026, month: 1, sum: 4 });
    expect((first?.succeededHeight ?? 0) + (first?.failedHeight ?? 0)).toBe(64);
    expect(second?.succeededHeight).toBe(16);
  });

  it('without any outcome have no height', () => {
    const [column] = columnsOf([{ month: '2026-01', succeeded: 0, failed: 0 }]);
    expect(column).toMatchObject({ sum: 0, succeededHeight: 0, failedHeight: 0 });
  });

  it('of more than half a year ago are early', () => {
    const months = Array.from({ length: 8 }, (_, index) => ({
      month: `2026-0${index + 1}`,
      succeeded: 0,
      failed: 0,
    }));
    expect(columnsOf(months).map((column) => column.isEarly)).toEqual([
      true,
      true,
      ...Array.from({ length: 6 }, () => false),
    ]);
  });
});
