import { describe, expect, it } from 'vitest';
import { steadyRows, type SteadyRow } from './steady';

interface Named {
  id: string;
  name: string;
}

const row = (id: string): SteadyRow<Named> => {
  const item = { id, name: id };
  return { first: item, item, isGone: false };
};

describe('steadyRows', () => {
  it('keeps the order that was shown and takes over what changed', () => {
    const current = [
      { id: 'b', name: 'B2' },
      { id: 'a', name: 'a' },
    ];
    const { rows } = steadyRows([row('a'), row('b')], current);
    expect(rows.map((it) => it.item.name)).toEqual(['a', 'B2']);
    expect(rows.map((it) => it.first.name)).toEqual(['a', 'b']);
  });

  it('keeps a row that left the list in its place', () => {
    const { rows } = steadyRows([row('a'), row('b')], [{ id: 'b', name: 'b' }]);
    expect(rows.map((it) => it.isGone)).toEqual([true, false]);
  });

  it('counts new rows instead of showing them', () => {
    const { rows, waiting } = steadyRows([row('a')], [row('n').item, row('a').item]);
    expect(rows.map((it) => it.item.id)).toEqual(['a']);
    expect(waiting).toBe(1);
  });
});
