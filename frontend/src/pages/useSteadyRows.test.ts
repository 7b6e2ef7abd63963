import { describe, expect, it } from 'vitest';
import { nextTick, ref } from 'vue';
import { useSteadyRows } from './useSteadyRows';

const rows = (...ids: string[]) => ids.map((id) => ({ id }));

describe('rows that keep their places', () => {
  it('offers new rows once the list was shown', async () => {
    const items = ref(rows('a'));
    const list = useSteadyRows({ items });
    items.value = rows('b', 'a');
    await nextTick();
    expect(list.rows.value.map((row) => row.item.id)).toEqual(['a']);
    expect(list.waiting.value).toBe(1);
  });

  it('shows what is read at first, also after a list kept from before', async () => {
    const items = ref(rows('a'));
    const isReading = ref(true);
    const list = useSteadyRows({ items, isReading });
    items.value = rows('b', 'a');
    isReading.value = false;
    await nextTick();
    expect(list.rows.value.map((row) => row.item.id)).toEqual(['b', 'a']);
    expect(list.waiting.value).toBe(0);
    isReading.value = true;
    await nextTick();
    items.value = rows('c', 'b', 'a');
    isReading.value = false;
    await nextTick();
    expect(list.waiting.value).toBe(1);
  });

  it('is steady after a list was read that had not changed', async () => {
    const items = ref(rows('a'));
    const isReading = ref(true);
    const list = useSteadyRows({ items, isReading });
    isReading.value = false;
    await nextTick();
    items.value = rows('b', 'a');
    await nextTick();
    expect(list.waiting.value).toBe(1);
  });
});
