// First, because it declares the order of the cascade layers.
import '@/styles/index.css';
import 'pretendard/dist/web/variable/pretendardvariable-dynamic-subset.css';
import { VueQueryPlugin } from '@tanstack/vue-query';
import { createApp } from 'vue';
import { queryClient } from '@/api/queries';
import { router } from '@/router';
import App from '@/App.vue';

createApp(App).use(router).use(VueQueryPlugin, { queryClient }).mount('#app');
