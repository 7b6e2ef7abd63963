import { describe, expect, it } from 'vitest';
import { deadlineGroup } from './deadlines';

const group = (endsOn: string | null, today = '2026-12-01', phase: 'open' | 'ended' = 'open') =>
  deadlineGroup({ phase, period: { endsOn } }, today);

describe('deadlineGroup', () => {
  it('ends a week on Sunday', () => {
    // 2026-12-01 is a Tuesday.
    expect(group('2026-12-01')).toBe('thisWeek');
    expect(group('2026-12-06')).toBe('thisWeek');
    expect(group('2026-12-07')).toBe('nextWeek');
    expect(group('2026-12-13')).toBe('nextWeek');
    expect(group('2026-12-14')).toBe('later');
  });

  it('has one day left of the week on a Sunday', () => {
    expect(group('2026-12-06', '2026-12-06')).toBe('thisWeek');
    expect(group('2026-12-07', '2026-12-06')).toBe('nextWeek');
  });

  it('puts what has closed or ended behind', () => {
    expect(group('2026-11-30')).toBe('past');
    expect(group('2026-12-24', '2026-12-01', 'ended')).toBe('past');
  });

  it('puts what has no last day at the end', () => {
    expect(group(null)).toBe('undated');
  });
});
