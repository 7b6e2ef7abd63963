import { expect, it } from 'vitest';
import { columnsOf } from './listColumns';

it('shows the usual columns until some are chosen', () => {
  expect(columnsOf(null)).not.toContain('year');
  expect(columnsOf(null)).toContain('salesman');
});

it('keeps the order of the table and drops unknown names', () => {
  expect(columnsOf('salesman,gone,category')).toEqual(['category', 'salesman']);
  expect(columnsOf('')).toEqual([]);
});
