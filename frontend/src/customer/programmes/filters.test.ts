import { describe, expect, it } from 'vitest';
import { isActive, queryOf, without, type Filters } from './filters';

const none: Filters = { q: '', scope: 'all', region: [], category: [], target: [] };

describe('queryOf', () => {
  it('leaves out what is not filtered', () => {
    expect(queryOf(none)).toEqual({});
  });

  it('asks for what can be applied for now', () => {
    const phase = ['open', 'closing', 'always', 'until_budget'];
    expect(queryOf({ ...none, scope: 'now' })).toEqual({ phase });
    expect(queryOf({ ...none, scope: 'soon' })).toEqual({ phase: ['upcoming'] });
  });

  it('takes several values of a filter', () => {
    const filters = { ...none, q: 'ㅅㅊㅂㅇㅊ', region: ['부산', '경북'], category: ['수출'] };
    expect(queryOf(filters)).toEqual({
      q: 'ㅅㅊㅂㅇㅊ',
      region: ['부산', '경북'],
      category: ['수출'],
    });
  });
});

describe('without', () => {
  const filters: Filters = { ...none, q: 'ㅅ', scope: 'now', region: ['부산'] };

  it('drops one filter and keeps the others', () => {
    expect(without(filters, 'region')).toEqual({ ...filters, region: [] });
    expect(without(filters, 'q')).toEqual({ ...filters, q: '' });
    expect(without(filters, 'scope')).toEqual({ ...filters, scope: 'all' });
  });

  it('has nothing to drop where a filter is not set', () => {
    expect(isActive(filters, 'category')).toBe(false);
    expect(isActive(filters, 'scope')).toBe(true);
    expect(isActive(none, 'scope')).toBe(false);
  });
});
