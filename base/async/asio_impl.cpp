// The one translation unit that holds Asio's bodies; every other file compiles declarations only.
#include <boost/asio/impl/src.hpp>
