import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TOAST_TIME, useToasts } from './toasts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('shows one toast at a time, for six seconds', () => {
  const toasts = useToasts();
  toasts.show('하나');
  vi.advanceTimersByTime(TOAST_TIME - 1);
  toasts.show('둘');
  vi.advanceTimersByTime(TOAST_TIME - 1);
  expect(toasts.current.value?.text).toBe('둘');
  vi.advanceTimersByTime(1);
  expect(toasts.current.value).toBeNull();
});

it('stays while it is paused', () => {
  const toasts = useToasts();
  toasts.show('하나');
  toasts.pause();
  vi.advanceTimersByTime(TOAST_TIME * 10);
  expect(toasts.current.value?.text).toBe('하나');
  toasts.resume();
  vi.advanceTimersByTime(TOAST_TIME);
  expect(toasts.current.value).toBeNull();
});
