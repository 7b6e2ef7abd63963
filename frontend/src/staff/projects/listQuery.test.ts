import { describe, expect, it } from 'vitest';
import {
  filterQuery,
  isFiltered,
  listQuery,
  sortOf,
  tableSort,
  type ListFilters,
} from './listQuery';

const none: ListFilters = {
  q: '',
  sort: 'deadline',
  status: [],
  category: [],
  region: [],
  target: [],
  salesman: '',
  overdue: false,
};

describe('the query of the list', () => {
  it('leaves out what is not filtered', () => {
    expect(filterQuery(none)).toEqual({});
    expect(listQuery(none)).toEqual({ sort: 'deadline' });
    expect(isFiltered(none)).toBe(false);
  });

  it('takes several values, and one salesman for the list only', () => {
    const filters = { ...none, status: ['ongoing', 'planned'], region: ['부산'], salesman: 'a' };
    expect(listQuery(filters)).toEqual({
      sort: 'deadline',
      status: ['ongoing', 'planned'],
      region: ['부산'],
      salesman: 'a',
    });
    expect(filterQuery(filters)).not.toHaveProperty('salesman');
    expect(isFiltered({ ...none, salesman: 'a' })).toBe(true);
    expect(isFiltered({ ...none, overdue: true })).toBe(true);
  });
});

describe('the order in the head of the table', () => {
  it('is shown at its column, and the newest first at none', () => {
    expect(tableSort('deadline')).toEqual({ key: 'period', descending: false });
    expect(tableSort('newest')).toBeUndefined();
  });

  it('goes back to the newest first with a second press', () => {
    expect(sortOf({ key: 'name', descending: false })).toBe('name');
    expect(sortOf({ key: 'name', descending: true })).toBe('newest');
    expect(sortOf({ key: 'other', descending: false })).toBe('newest');
  });
});
